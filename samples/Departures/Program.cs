using Departures;
using Headwater;
using Microsoft.AspNetCore.Connections;

Settings settings;
try
{
    settings = Settings.Read(Environment.GetEnvironmentVariable);
    settings.MakeFolder();
}
catch (SettingsException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}

await using var app = DeparturesApp.Build(settings);
try
{
    await app.StartAsync();
}
catch (IOException e) when (e.InnerException is AddressInUseException)
{
    Console.Error.WriteLine($"Port {settings.Port} is taken. Choose another one with PORT, or PORT=0 for any that is free.");
    return 2;
}
catch (SqliteStoreException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}

Console.WriteLine($"The departures board is at {app.Urls.First()}");
Console.WriteLine($"Its data is in {settings.Data}");
await app.WaitForShutdownAsync();
return 0;

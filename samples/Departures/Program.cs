using Departures;
using Headwater;
using Microsoft.AspNetCore.Connections;

try
{
    var settings = Settings.Read(Environment.GetEnvironmentVariable);
    settings.MakeFolder();
    await using var app = DeparturesApp.Build(settings);
    await app.StartAsync();
    Console.WriteLine($"The departures board is at {app.Urls.First()}");
    Console.WriteLine($"Its data is in {settings.Store}");
    await app.WaitForShutdownAsync();
    return 0;
}
catch (Exception e) when (Advice(e) is { } advice)
{
    Console.Error.WriteLine(advice);
    return 2;
}

// What the person who started it can do something about.
static string? Advice(Exception e) => e switch
{
    SettingsException or SqliteStoreException or PostgresStoreException => e.Message,
    IOException { InnerException: AddressInUseException } => $"{e.Message} Choose another port with PORT, or PORT=0 for any that is free.",
    OperationCanceledException => "It was stopped before it had started.",
    _ => null,
};

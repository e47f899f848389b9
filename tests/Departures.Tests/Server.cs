using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Headwater.AspNetCore.Tests;
using Microsoft.AspNetCore.Builder;

namespace Departures.Tests;

/// <summary>The sample as it is, on a real socket, with its data in a folder of its own.</summary>
internal sealed class Server : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly bool ownsFolder;
    private readonly Settings settings;

    private Server(WebApplication app, Settings settings, bool ownsFolder)
    {
        (this.app, this.settings, this.ownsFolder) = (app, settings, ownsFolder);
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public HttpClient Client { get; }

    public static async Task<Server> Start(double speed = 0, string? folder = null)
    {
        var settings = new Settings(0, speed, folder ?? Directory.CreateTempSubdirectory("departures-").FullName);
        var app = DeparturesApp.Build(settings);
        await app.StartAsync();
        return new Server(app, settings, folder is null);
    }

    /// <summary>Posts JSON text as it is.</summary>
    public Task<HttpResponseMessage> Post(string path, string? body = null, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return Client.SendAsync(request);
    }

    public Task<HttpResponseMessage> Schedule(string flight, string origin = "ATL", string destination = "JFK") => Post(
        $"/flights/{flight}/schedule", $$"""{"origin":"{{origin}}","destination":"{{destination}}","scheduled":"2001-02-03T10:00:00Z","distance":460}""");

    public Task<JsonElement> Json(string path) => Client.GetFromJsonAsync<JsonElement>(path);

    public Task<SseStream> Follow(string path, string? lastEventId = null) => SseStream.Open(Client, path, lastEventId);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
        if (ownsFolder)
            Directory.Delete(settings.Data, recursive: true);
    }
}

internal static class Responses
{
    public static string Header(this HttpResponseMessage response, string name) => response.Headers.GetValues(name).Single();

    public static Task<JsonElement> Json(this HttpResponseMessage response) => response.Content.ReadFromJsonAsync<JsonElement>();

    public static string? Text(this JsonElement json, string property) => json.GetProperty(property).GetString();

    public static int Number(this JsonElement json, string property) => json.GetProperty(property).GetInt32();
}

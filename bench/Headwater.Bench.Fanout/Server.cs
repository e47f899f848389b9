using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.Channels;
using Microsoft.AspNetCore.SignalR;

namespace Headwater.Bench.Fanout;

/// <summary>The contenders that are .NET: what each does with a message that is published, as its documentation has it.</summary>
internal static class Server
{
    public static async Task<int> Run(string name, string port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxConcurrentConnections = null);
        Action<WebApplication> map = name switch
        {
            "signalr" => SignalR(builder),
            "aspnet" => ServerSentEvents,
            "topic" => Topic(builder),
            "durable" => Durable(builder),
            _ => throw new ArgumentException($"There is no contender '{name}'.", nameof(name)),
        };
        await using var app = builder.Build();
        map(app);
        await app.RunAsync();
        return 0;
    }

    /// <summary>Ours, and every message is of the moment.</summary>
    private static Action<WebApplication> Topic(WebApplicationBuilder builder)
    {
        builder.Services.AddHeadwater(headwater => headwater
            .UseMemory()
            .Configure(options => options.MaxConnectionsPerAddress = options.MaxConnections)
            .AddTopic("all", topic => topic.AllowAnonymous().AllowPublish((_, _) => ValueTask.FromResult(true)).Keep(messages: 10_000, bytes: 16 << 20)));
        return app => app.MapHeadwater();
    }

    /// <summary>Ours, and every message is an event that is on the disk before anybody hears of it.</summary>
    private static Action<WebApplication> Durable(WebApplicationBuilder builder)
    {
        var folder = Directory.CreateTempSubdirectory("headwater-fanout-").FullName;
        builder.Services.AddHeadwater(headwater => headwater
            .UseSqlite(Path.Combine(folder, "log.db"))
            .UseJson(FanoutJson.Default)
            .Configure(options => options.MaxConnectionsPerAddress = options.MaxConnections)
            .AddEvents<MessageEvent>()
            .AddFeed("messages", feed => feed.Events("message").Contract<MessageEvent.Published, MessageEvent.Published>("published", (happened, _) => happened).AllowAnonymous()));
        return app =>
        {
            app.MapHeadwater();
            app.MapPost("/publish", async (HttpRequest request, Log log) =>
            {
                var message = await request.ReadFromJsonAsync(FanoutJson.Default.Published);
                await log.Append(new StreamId("message", "all"), ExpectedVersion.Any, [message!]);
                return Results.Accepted();
            });
            app.Lifetime.ApplicationStopped.Register(() => Directory.Delete(folder, recursive: true));
        };
    }

    /// <summary>A hub, and every connection is sent the message.</summary>
    private static Action<WebApplication> SignalR(WebApplicationBuilder builder)
    {
        builder.Services.AddSignalR(options => options.KeepAliveInterval = options.ClientTimeoutInterval = TimeSpan.FromHours(1));
        return app =>
        {
            app.MapHub<EmptyHub>("/hub");
            app.MapPost("/publish", async (JsonElement message, IHubContext<EmptyHub> hub) =>
            {
                await hub.Clients.All.SendAsync("message", message);
                return Results.Accepted();
            });
        };
    }

    /// <summary>A channel for each connection, and the framework's own result.</summary>
    private static void ServerSentEvents(WebApplication app)
    {
        var followers = new HashSet<Channel<string>>();
        app.MapGet("/events", (CancellationToken aborted) => TypedResults.ServerSentEvents(Follow(aborted), "message"));
        app.MapPost("/publish", async (HttpRequest request) =>
        {
            using var reader = new StreamReader(request.Body);
            var message = await reader.ReadToEndAsync();
            lock (followers)
                foreach (var follower in followers)
                    follower.Writer.TryWrite(message);
            return Results.Accepted();
        });

        async IAsyncEnumerable<string> Follow([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken aborted)
        {
            var own = Channel.CreateBounded<string>(1024);
            lock (followers)
                followers.Add(own);
            try
            {
                // A client learns that it is connected by the first bytes.
                yield return "{}";
                await foreach (var message in own.Reader.ReadAllAsync(aborted))
                    yield return message;
            }
            finally
            {
                lock (followers)
                    followers.Remove(own);
            }
        }
    }
}

/// <summary>Clients only listen.</summary>
internal sealed class EmptyHub : Hub;

[JsonDerivedType(typeof(Published), "published")]
internal abstract record MessageEvent
{
    public sealed record Published([property: JsonPropertyName("d")] string Text) : MessageEvent;
}

[JsonSerializable(typeof(MessageEvent))]
[JsonSerializable(typeof(MessageEvent.Published))]
internal sealed partial class FanoutJson : JsonSerializerContext;

using System.Text.Json.Serialization;

namespace Headwater.Docs.Tests.Moments;

public sealed record Progress(int Done, int Of);

[JsonSerializable(typeof(Progress))]
internal sealed partial class MomentsJson : JsonSerializerContext;

internal static class Setup
{
    public static void Add(HeadwaterBuilder headwater)
    {
        headwater
            .AddTopic("chat", topic => topic
                .AllowAnonymous()
                .AllowPublish((caller, _) => ValueTask.FromResult(caller.User.Identity!.IsAuthenticated && caller.By == caller.User.Identity.Name))
                .AllowMembers((caller, _) => ValueTask.FromResult(caller.By == caller.User.Identity?.Name))
                .Keep(messages: 100, age: TimeSpan.FromMinutes(1)))
            .AddTopic("progress", topic => topic.Allow((who, _) => ValueTask.FromResult(who.User.IsInRole("operator"))).LatestByKey());
    }
}

internal static class Nodes
{
    public static void Add(HeadwaterBuilder headwater, string database)
    {
        headwater.UsePostgres(database).UseRedis("redis.internal:6379");        // or .UseNats("nats://nats.internal:4222")
    }

    public static void AddOther(HeadwaterBuilder headwater) => headwater.UseNats("nats://nats.internal:4222");
}

internal sealed class Importer(Topics topics)
{
    public async Task Import(IReadOnlyList<string> files, CancellationToken cancel)
    {
        for (var done = 0; done < files.Count; done++)
        {
            await Read(files[done], cancel);
            topics.Publish("progress", "imports", "imported", new Progress(done + 1, files.Count), by: "nightly");
        }
    }

    private static ValueTask Read(string file, CancellationToken cancel) => ValueTask.CompletedTask;
}

using System.Text;
using System.Text.Json.Serialization;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Headwater.Brokers.Tests;

[JsonDerivedType(typeof(Rung), "rung")]
internal abstract record BellEvent
{
    public sealed record Rung(int Number) : BellEvent;
}

[JsonSerializable(typeof(BellEvent))]
internal sealed partial class BellJson : JsonSerializerContext;

/// <summary>A node on a store in memory that several of one process share, with topics. What it warns of is kept.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    private readonly ServiceProvider services;

    private TestNode(ServiceProvider services) => this.services = services;

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public Topics Topics => services.GetRequiredService<Topics>();

    public Log Log => services.GetRequiredService<Log>();

    public static async Task<TestNode> Start(MemoryStore store, Action<HeadwaterBuilder> use, TimeSpan? poll = null)
    {
        var collection = new ServiceCollection();
        collection.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Error));
        collection.AddSingleton(store);
        collection.AddHeadwater(headwater =>
        {
            headwater.UseMemory().UseJson(BellJson.Default).AddEvents<BellEvent>()
                .Configure(options => options.PollInterval = poll ?? TimeSpan.FromHours(1))
                .AddTopic("chat", topic => topic.AllowAnonymous().Keep(messages: 2000))
                .AddTopic("state", topic => topic.AllowAnonymous().LatestByKey());
            use(headwater);
        });
        var node = new TestNode(collection.BuildServiceProvider());
        await node.services.GetRequiredService<Node>().Start(Cancel);
        return node;
    }

    public void Say(string text, string key = "room", string topic = "chat", string? by = null) =>
        Topics.PublishJson(topic, key, "said", Encoding.UTF8.GetBytes($"\"{text}\""), by);

    /// <summary>Follows a key, and collects what comes.</summary>
    public ChannelReader<string> Follow(string key = "room", string topic = "chat")
    {
        var seen = Channel.CreateUnbounded<string>();
        var messages = Topics.Follow(topic, key, Cancel);
        _ = Task.Run(async () =>
        {
            await foreach (var message in messages)
                seen.Writer.TryWrite(message.Name == "said" ? Encoding.UTF8.GetString(message.Json.Span).Trim('"') : message.Name);
        });
        return seen.Reader;
    }

    public Task Append(int number) => Log.Append(
        new StreamId("bell", "1"), ExpectedVersion.Any, [new BellEvent.Rung(number)], cancel: Cancel).AsTask();

    public async ValueTask DisposeAsync() => await services.DisposeAsync();
}

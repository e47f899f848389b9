using JasperFx.Events;
using JasperFx.Events.Projections;
using Marten;

namespace Headwater.Bench.Peers;

/// <summary>Marten, set as its documentation advises for speed.</summary>
internal static class MartenStore
{
    public static string Version =>
        $"Marten {typeof(DocumentStore).Assembly.GetName().Version?.ToString(3)}, quick append, Npgsql {typeof(Npgsql.NpgsqlConnection).Assembly.GetName().Version?.ToString(3)}";

    public static DocumentStore Open(string connectionString) => DocumentStore.For(options =>
    {
        options.Connection(connectionString);
        options.UseSystemTextJsonForSerialization();
        options.Events.StreamIdentity = StreamIdentity.AsString;
        options.Events.AppendMode = EventAppendMode.Quick;
        options.Events.UseOptimizedProjectionRebuilds = true;
        options.Projections.Add(new MartenTotals(), ProjectionLifecycle.Async);
    });

    /// <summary>Appends an event to a new stream.</summary>
    public static async Task Append(DocumentStore store, int i)
    {
        await using var session = store.LightweightSession();
        session.Events.StartStream($"flight-{i:x8}", Measured.Number(i));
        await session.SaveChangesAsync();
    }
}

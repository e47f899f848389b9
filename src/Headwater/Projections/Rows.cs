using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Headwater;

/// <summary>The rows of a read model as its projection sees and changes them.</summary>
/// <typeparam name="TRow">A row.</typeparam>
public sealed class Rows<TRow>
    where TRow : class
{
    private const int MaxKeyLength = 256;

    private readonly Func<string, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> read;
    private readonly JsonTypeInfo<TRow> json;
    private readonly Dictionary<string, (TRow? Row, Position ChangedAt)> rows = [];
    private Position now;

    internal Rows(Func<string, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> read, JsonTypeInfo<TRow> json) =>
        (this.read, this.json) = (read, json);

    /// <summary>The row of a key, or null.</summary>
    public async ValueTask<TRow?> Get(string key, CancellationToken cancel = default)
    {
        if (rows.TryGetValue(key, out var known))
            return known.Row;
        var row = await Read(key, cancel) is { } stored ? JsonSerializer.Deserialize(stored.Span, json) : null;
        rows[key] = (row, Position.Start);
        return row;
    }

    /// <summary>Stores the row of a key, new or in place of the one before.</summary>
    /// <exception cref="ArgumentException">The key is empty or has more than 256 characters.</exception>
    public void Set(string key, TRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (key is not { Length: > 0 and <= MaxKeyLength })
            throw new ArgumentException($"A row's key has 1 to {MaxKeyLength} characters.", nameof(key));
        rows[key] = (row, now);
    }

    /// <summary>Deletes the row of a key, if there is one.</summary>
    public async ValueTask Delete(string key, CancellationToken cancel = default)
    {
        if (await Get(key, cancel) is not null)
            rows[key] = (null, now);
    }

    /// <summary>What changes from here on is the doing of the event at this position.</summary>
    internal void Begin(Position position) => now = position;

    /// <summary>Whether the store failed to read a row. Then what the projection throws says nothing about the event.</summary>
    internal bool StoreFailed { get; private set; }

    internal IReadOnlyList<StoredRow> Changes() =>
    [
        .. from row in rows
           where row.Value.ChangedAt > Position.Start
           orderby row.Value.ChangedAt
           select new StoredRow(row.Key, row.Value.ChangedAt, Encode(row.Key, row.Value.Row, row.Value.ChangedAt)),
    ];

    private ReadOnlyMemory<byte>? Encode(string key, TRow? row, Position changedAt)
    {
        try
        {
            return row is null ? default(ReadOnlyMemory<byte>?) : JsonSerializer.SerializeToUtf8Bytes(row, json);
        }
        catch (Exception e)
        {
            throw new UnwritableRowException(key, changedAt, e);
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>?> Read(string key, CancellationToken cancel)
    {
        try
        {
            return await read(key, cancel);
        }
        catch
        {
            StoreFailed = true;
            throw;
        }
    }
}

/// <summary>A row has no JSON, such as one with a number that is none. It is the doing of the event that changed the row last.</summary>
internal sealed class UnwritableRowException(string key, Position changedAt, Exception cause)
    : Exception($"The row '{key}' cannot be written as JSON: {cause.Message}", cause)
{
    public Position ChangedAt => changedAt;
}

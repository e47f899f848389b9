using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>Events as the arrays of one call, column by column.</summary>
internal sealed class EventArrays(int count)
{
    private readonly int[] part = new int[count];
    private readonly string[] types = new string[count];
    private readonly int[] schemas = new int[count];
    private readonly Guid[] ids = new Guid[count];
    private readonly byte[][] data = new byte[count][];
    private readonly byte[]?[] metadata = new byte[]?[count];
    private readonly byte[]?[] tags = new byte[]?[count];
    private readonly List<int> tagEvent = [];
    private readonly List<string> tagKey = [];
    private readonly List<string> tagValue = [];
    private int at;

    /// <summary>Adds the next event.</summary>
    /// <param name="toPart">The number of its part, from 1.</param>
    /// <param name="happened">The event.</param>
    public void Add(int toPart, EventData happened)
    {
        (part[at], types[at], schemas[at], ids[at]) = (toPart, happened.Type, happened.SchemaVersion, happened.Id);
        (data[at], metadata[at], tags[at]) = (happened.Data.ToArray(), StoredJson.Encode(happened.Metadata), StoredJson.Encode(happened.Tags));
        at++;
        foreach (var (key, value) in happened.Tags)
        {
            tagEvent.Add(at);
            tagKey.Add(key);
            tagValue.Add(value);
        }
    }

    public NpgsqlParameterCollection Bind(NpgsqlParameterCollection parameters) => parameters
        .WithArray(part, NpgsqlDbType.Integer).WithArray(types, NpgsqlDbType.Text).WithArray(schemas, NpgsqlDbType.Integer)
        .WithArray(ids, NpgsqlDbType.Uuid).WithArray(data, NpgsqlDbType.Json).WithArray(metadata, NpgsqlDbType.Json)
        .WithArray(tags, NpgsqlDbType.Json)
        .WithArray(tagEvent.ToArray(), NpgsqlDbType.Integer).WithArray(tagKey.ToArray(), NpgsqlDbType.Text).WithArray(tagValue.ToArray(), NpgsqlDbType.Text);
}

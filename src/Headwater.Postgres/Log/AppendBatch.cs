using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>Several appends as the arrays of one call, and the answer.</summary>
internal static class AppendBatch
{
    public const int Done = 0;
    public const int ReceiptKnown = 3;

    /// <summary>One code a request, one version a part, one position an event that was appended.</summary>
    public readonly record struct Answer(int[] Codes, long[] Versions, long[] Positions);

    public static void Bind(NpgsqlParameterCollection parameters, IReadOnlyList<Append> appends, bool isGroup)
    {
        var (parts, events) = (appends.Sum(append => append.Streams.Length), appends.Sum(append => append.EventCount));
        var (partRequest, partStream, partExpected) = (new int[parts], new string[parts], new long[parts]);
        var (eventPart, types, schemas, ids) = (new int[events], new string[events], new int[events], new Guid[events]);
        var (data, metadata, tags) = (new byte[events][], new byte[]?[events], new byte[]?[events]);
        var (tagEvent, tagKey, tagValue) = (new List<int>(), new List<string>(), new List<string>());
        var (part, at) = (0, 0);
        for (var request = 0; request < appends.Count; request++)
        {
            foreach (var (_, expected, happening) in appends[request].Request.Streams)
            {
                (partRequest[part], partExpected[part]) = (request + 1, expected.Value);
                foreach (var happened in happening)
                {
                    (eventPart[at], types[at], schemas[at], ids[at]) = (part + 1, happened.Type, happened.SchemaVersion, happened.Id);
                    (data[at], metadata[at], tags[at]) = (happened.Data.ToArray(), StoredJson.Encode(happened.Metadata), StoredJson.Encode(happened.Tags));
                    foreach (var (key, value) in happened.Tags)
                    {
                        tagEvent.Add(at + 1);
                        tagKey.Add(key);
                        tagValue.Add(value);
                    }

                    at++;
                }

                part++;
            }

            appends[request].Streams.CopyTo(partStream, part - appends[request].Streams.Length);
        }

        var receipt = appends.Count == 1 ? appends[0].Request.Receipt : null;
        parameters.With(isGroup, NpgsqlDbType.Boolean).With(appends.Count)
            .WithArray(partRequest, NpgsqlDbType.Integer).WithArray(partStream, NpgsqlDbType.Text).WithArray(partExpected, NpgsqlDbType.Bigint)
            .WithArray(eventPart, NpgsqlDbType.Integer).WithArray(types, NpgsqlDbType.Text).WithArray(schemas, NpgsqlDbType.Integer)
            .WithArray(ids, NpgsqlDbType.Uuid).WithArray(data, NpgsqlDbType.Json).WithArray(metadata, NpgsqlDbType.Json)
            .WithArray(tags, NpgsqlDbType.Json)
            .WithArray(tagEvent.ToArray(), NpgsqlDbType.Integer).WithArray(tagKey.ToArray(), NpgsqlDbType.Text).WithArray(tagValue.ToArray(), NpgsqlDbType.Text)
            .WithNullable(receipt?.Key, NpgsqlDbType.Text).WithNullable(receipt?.Fingerprint, NpgsqlDbType.Text)
            .WithNullable(receipt?.Stream.ToString(), NpgsqlDbType.Text).WithNullable(receipt?.Version, NpgsqlDbType.Bigint)
            .WithNullable(receipt?.Refusal, NpgsqlDbType.Text)
            .With(appends[0].RecordedAt);
    }

    public static Answer Read(NpgsqlDataReader row) =>
        new(row.GetFieldValue<int[]>(0), row.GetFieldValue<long[]>(1), row.GetFieldValue<long[]>(2));
}

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
        var parts = appends.Sum(append => append.Streams.Length);
        var (partRequest, partStream, partExpected) = (new int[parts], new string[parts], new long[parts]);
        var events = new EventArrays(appends.Sum(append => append.EventCount));
        var part = 0;
        for (var request = 0; request < appends.Count; request++)
        {
            foreach (var (_, expected, happening) in appends[request].Request.Streams)
            {
                (partRequest[part], partExpected[part]) = (request + 1, expected.Value);
                part++;
                foreach (var happened in happening)
                    events.Add(part, happened);
            }

            appends[request].Streams.CopyTo(partStream, part - appends[request].Streams.Length);
        }

        parameters.With(isGroup, NpgsqlDbType.Boolean).With(appends.Count);
        Bind(parameters, partRequest, partStream, partExpected, events, appends.Count == 1 ? appends[0].Request.Receipt : null, appends[0].RecordedAt);
    }

    /// <summary>One request with events of several streams in an order of their own: positions are given in the order of the events.</summary>
    public static void BindOrdered(NpgsqlParameterCollection parameters, IReadOnlyList<(StreamId Stream, EventData Event)> ordered, DateTimeOffset recordedAt)
    {
        var parts = new Dictionary<StreamId, int>();
        var events = new EventArrays(ordered.Count);
        foreach (var (stream, happened) in ordered)
        {
            if (!parts.TryGetValue(stream, out var part))
                parts[stream] = part = parts.Count + 1;
            events.Add(part, happened);
        }

        var (partRequest, partStream, partExpected) = (new int[parts.Count], new string[parts.Count], new long[parts.Count]);
        Array.Fill(partRequest, 1);
        Array.Fill(partExpected, ExpectedVersion.Any.Value);
        foreach (var (stream, part) in parts)
            partStream[part - 1] = stream.ToString();
        parameters.With(false, NpgsqlDbType.Boolean).With(1);
        Bind(parameters, partRequest, partStream, partExpected, events, receipt: null, recordedAt);
    }

    public static Answer Read(NpgsqlDataReader row) =>
        new(row.GetFieldValue<int[]>(0), row.GetFieldValue<long[]>(1), row.GetFieldValue<long[]>(2));

    private static void Bind(
        NpgsqlParameterCollection parameters, int[] partRequest, string[] partStream, long[] partExpected, EventArrays events,
        ReceiptRequest? receipt, DateTimeOffset recordedAt) => events.Bind(parameters
            .WithArray(partRequest, NpgsqlDbType.Integer).WithArray(partStream, NpgsqlDbType.Text).WithArray(partExpected, NpgsqlDbType.Bigint))
        .WithNullable(receipt?.Key, NpgsqlDbType.Text).WithNullable(receipt?.Fingerprint, NpgsqlDbType.Text)
        .WithNullable(receipt?.Stream.ToString(), NpgsqlDbType.Text).WithNullable(receipt?.Version, NpgsqlDbType.Bigint)
        .WithNullable(receipt?.Refusal, NpgsqlDbType.Text)
        .With(recordedAt);
}

using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>Where subscriptions and read models stand, as columns and parameters.</summary>
internal static class Checkpoints
{
    /// <summary>Reads position, generation, what is trimmed, and the fence, from the first column on.</summary>
    public static ReadModelState Read(NpgsqlDataReader row) =>
        new(new Checkpoint(new Position(row.GetInt64(0)), row.GetInt32(1), row.GetInt64(3)), new Position(row.GetInt64(2)));

    /// <summary>Records a fence, if it is higher than the one on record, and says where the owner goes on. Fence 0 only asks.</summary>
    public static async ValueTask<Checkpoint> Claim(PostgresDatabase database, string name, long fence, CancellationToken cancel) => (await database.Query(
        fence == 0 ? database.Sql.State : database.Sql.Claim,
        parameters =>
        {
            parameters.With(name);
            if (fence != 0)
                parameters.With(fence);
        }, Read, cancel)).FirstOrDefault().Checkpoint;

    public static NpgsqlParameterCollection WithMove(
        this NpgsqlParameterCollection parameters, string name, Checkpoint from, Position to, SkippedEvent? skipped) => parameters
        .With(name).With(from.Position.Value).With(from.Generation).With(from.Fence).With(to.Value)
        .WithNullable(skipped?.Position.Value, NpgsqlDbType.Bigint).WithNullable(skipped?.Stream.ToString(), NpgsqlDbType.Text)
        .WithNullable(skipped?.Type, NpgsqlDbType.Text).WithNullable(skipped?.Error.Replace('\0', '\uFFFD'), NpgsqlDbType.Text)
        .WithNullable(skipped?.At.UtcDateTime, NpgsqlDbType.TimestampTz);
}

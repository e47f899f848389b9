using Microsoft.EntityFrameworkCore;

namespace Headwater;

/// <summary>
/// An event was published to a stream that has another version than expected. Nothing was saved. Read anew what the decision was
/// based on, and decide again.
/// </summary>
public sealed class StreamConflictException : DbUpdateException
{
    internal StreamConflictException(AppendResult.Conflict conflict)
        : base($"Stream '{conflict.Stream}' has version {conflict.Actual}, and {conflict.Expected} was expected; nothing was saved. "
            + "Read again what was decided on, and decide anew.") =>
        (Stream, Expected, Actual) = (conflict.Stream, conflict.Expected, conflict.Actual);

    /// <summary>The stream.</summary>
    public StreamId Stream { get; }

    /// <summary>The version it should have had.</summary>
    public ExpectedVersion Expected { get; }

    /// <summary>The version it has.</summary>
    public long Actual { get; }
}

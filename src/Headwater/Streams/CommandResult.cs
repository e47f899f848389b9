namespace Headwater;

/// <summary>How a command ended, short of an exception.</summary>
/// <typeparam name="TState">The state it was decided on.</typeparam>
public abstract record CommandResult<TState>
{
    private CommandResult()
    {
    }

    /// <summary>Its events are in the log; or there was nothing to do.</summary>
    /// <param name="State">The state after it.</param>
    /// <param name="Version">The stream's version after it.</param>
    /// <param name="Cursor">Following from it misses nothing; a reader that has reached its <see cref="Cursor.AtLeast"/> has seen the command's effect.</param>
    public sealed record Accepted(TState State, long Version, Cursor Cursor) : CommandResult<TState>;

    /// <summary>The thing refused.</summary>
    public sealed record Refused(Refusal Refusal) : CommandResult<TState>;

    /// <summary>The caller decided on an older version than the stream has.</summary>
    public sealed record Stale(StreamId Stream, ExpectedVersion Expected, long Actual) : CommandResult<TState>;

    /// <summary>Others changed the stream at every attempt.</summary>
    public sealed record Contended(StreamId Stream, int Attempts) : CommandResult<TState>;

    /// <summary>The idempotency key was used for another request before.</summary>
    public sealed record KeyReused(string Key) : CommandResult<TState>;
}

/// <summary>What surrounds a command besides its content.</summary>
public sealed record CommandContext
{
    /// <summary>Nothing.</summary>
    public static CommandContext None { get; } = new();

    /// <summary>The version the caller decided on; any by default.</summary>
    public ExpectedVersion Expected { get; init; } = ExpectedVersion.Any;

    /// <summary>Makes a retry return the first answer; none by default.</summary>
    public IdempotencyKey? IdempotencyKey { get; init; }

    /// <summary>Where its events come from.</summary>
    public EventMetadata Metadata { get; init; } = EventMetadata.None;
}

/// <summary>A key that the caller gives the same to every attempt of one request, and to no other request.</summary>
/// <param name="Key">The key; its owner is part of it where several callers could choose the same one.</param>
/// <param name="Fingerprint">A digest of the request, by which a key used twice by mistake is found.</param>
public sealed record IdempotencyKey(string Key, string Fingerprint);

/// <summary>A state, and where in its history it stands.</summary>
/// <param name="State">The state.</param>
/// <param name="Version">The version of the last event in it, 0 if there is none.</param>
/// <param name="Position">The place of the last event in it.</param>
public readonly record struct Versioned<TState>(TState State, long Version, Position Position);

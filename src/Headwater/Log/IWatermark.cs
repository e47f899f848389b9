using System.Globalization;

namespace Headwater;

/// <summary>
/// The port of a store in which events become readable later than they are appended: how far the log can be read, and what it waits
/// for if it waits. It answers at once, from what is known.
/// </summary>
public interface IWatermark
{
    /// <summary>What is known.</summary>
    WatermarkStatus Status { get; }
}

/// <summary>How far the log can be read.</summary>
/// <param name="Position">The last readable event.</param>
/// <param name="Issued">The last position that was handed out; those above the readable ones may never be used.</param>
/// <param name="Waiting">For how long readers have been waiting for one transaction; zero if they have not.</param>
/// <param name="Holder">Whose transaction that is, once they have waited for a second.</param>
public sealed record WatermarkStatus(Position Position, Position Issued, TimeSpan Waiting, WatermarkHolder? Holder);

/// <summary>A transaction that has appended and is open, so that nobody can read beyond what was there before it.</summary>
/// <param name="Pid">The session's process id in the server, or null for a transaction that was prepared and not ended.</param>
/// <param name="Application">The session's application name.</param>
/// <param name="State">What the session does, in the server's words, such as "idle in transaction".</param>
/// <param name="Prepared">The name of a prepared transaction.</param>
/// <param name="Age">How long the transaction has been open.</param>
public sealed record WatermarkHolder(int? Pid, string? Application, string? State, string? Prepared, TimeSpan Age)
{
    /// <summary>Names it in a sentence, and the way out.</summary>
    public override string ToString()
    {
        var age = Age.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
        return Prepared is not null
            ? $"The prepared transaction '{Prepared}' has been open for {age} s; end it with COMMIT PREPARED or ROLLBACK PREPARED."
            : $"The session with pid {Pid} ('{Application}', {State}) has had its transaction open for {age} s; pg_terminate_backend({Pid}) ends it.";
    }
}

using System.Globalization;

namespace Headwater;

/// <summary>A transaction that has appended and is open, so that nobody can read beyond what was there before it.</summary>
/// <param name="Pid">The session's process id in the server, or null for a transaction that was prepared and not ended.</param>
/// <param name="Application">The session's application_name.</param>
/// <param name="State">What the session does, in PostgreSQL's words, such as "idle in transaction".</param>
/// <param name="Prepared">The name of a prepared transaction.</param>
/// <param name="Age">How long the transaction has been open.</param>
internal sealed record WatermarkHolder(int? Pid, string? Application, string? State, string? Prepared, TimeSpan Age)
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

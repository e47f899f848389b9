namespace Headwater;

/// <summary>
/// Tells a process that another one may have appended. It carries nothing and may be lost or come twice: a lost signal costs
/// the time until the next slow poll, never data.
/// </summary>
public interface ISignal
{
    /// <summary>Returns when something may have happened.</summary>
    ValueTask Wait(CancellationToken cancel);
}

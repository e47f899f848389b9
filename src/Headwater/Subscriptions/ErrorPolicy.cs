namespace Headwater;

/// <summary>What a subscription does with an event its handler throws at.</summary>
public enum ErrorPolicy
{
    /// <summary>It stops before the event and says so; the others go on. The default.</summary>
    Stop,

    /// <summary>It records the event as skipped and goes on.</summary>
    Skip,

    /// <summary>It parks the event as a job and goes on. Not available until jobs are built; asking for it is refused at start.</summary>
    Park,
}

namespace Headwater.Postgres.Faults;

/// <summary>One event as a reader was given it.</summary>
internal readonly record struct Seen(long Position, Guid Id);

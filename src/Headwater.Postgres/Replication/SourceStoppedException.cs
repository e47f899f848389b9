namespace Headwater;

/// <summary>A source cannot go on by itself. The message says why, and what must be done.</summary>
internal sealed class SourceStoppedException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Another node holds the slot; that is as it should be.</summary>
internal sealed class SlotInUseException(string message) : Exception(message);

/// <summary>A row or message is no event. The message says what was expected and what came.</summary>
internal sealed class UnmappableException(string message, Exception? cause = null) : Exception(message, cause);

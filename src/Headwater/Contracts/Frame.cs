namespace Headwater;

/// <summary>What is sent: a contract's name and its JSON, encoded once and shared by all connections.</summary>
internal sealed class Frame(string name, ReadOnlyMemory<byte> json)
{
    private byte[]? encoded;

    public string Name => name;

    public ReadOnlyMemory<byte> Json => json;

    /// <summary>The frame in a transport's format, made at the first call.</summary>
    public ReadOnlyMemory<byte> Encoded(Func<Frame, byte[]> encode) => encoded ??= encode(this);
}

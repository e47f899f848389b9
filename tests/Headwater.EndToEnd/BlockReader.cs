using System.Buffers.Text;

namespace Headwater.EndToEnd;

/// <summary>
/// Cuts a server-sent event stream into blocks, as fast as a thousand clients in one process need it: without making strings
/// of what is not looked at.
/// </summary>
internal sealed class BlockReader(Stream stream)
{
    private byte[] buffer = new byte[16 << 10];
    private int start;
    private int end;

    /// <summary>The next block's bytes, without its empty line; valid until the next call. Empty at the end of the stream.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> Next(CancellationToken cancel)
    {
        while (true)
        {
            var at = buffer.AsSpan(start, end - start).IndexOf("\n\n"u8);
            if (at >= 0)
            {
                var block = buffer.AsMemory(start, at + 1);
                start += at + 2;
                return block;
            }

            MakeRoom();
            var read = await stream.ReadAsync(buffer.AsMemory(end), cancel);
            if (read == 0)
                return default;
            end += read;
        }
    }

    /// <summary>The value of a field of a block, or an empty span.</summary>
    public static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> block, ReadOnlySpan<byte> name)
    {
        while (block.Length > 0)
        {
            var lineEnd = block.IndexOf((byte)'\n');
            var line = block[..lineEnd];
            if (line.StartsWith(name))
                return line[name.Length..];
            block = block[(lineEnd + 1)..];
        }

        return default;
    }

    /// <summary>The position in a cursor of a single event feed. Only an auditor may look into a cursor.</summary>
    public static int PositionOf(ReadOnlySpan<byte> cursor)
    {
        var dot = cursor.IndexOf((byte)'.');
        return Utf8Parser.TryParse(cursor[(dot + 1)..], out int position, out _) ? position : throw new FormatException("No cursor.");
    }

    private void MakeRoom()
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }

        if (end == buffer.Length)
            Array.Resize(ref buffer, buffer.Length * 2);
    }
}

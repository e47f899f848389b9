namespace Headwater;

/// <summary>What a <see cref="Ring{T}"/> holds.</summary>
internal interface IPositioned
{
    Position Position { get; }

    /// <summary>Roughly how many bytes it keeps alive.</summary>
    int Size { get; }
}

/// <summary>
/// The newest items of an ordered sequence, bounded in count and bytes. One writer adds; any number of readers copy slices
/// without a lock and without leaving a trace, so a reader that stalls costs nothing.
/// </summary>
internal sealed class Ring<T>(int capacity, long maxBytes)
    where T : class, IPositioned
{
    private readonly T?[] slots = new T?[capacity];
    private long first;     // the sequence number of the oldest item
    private long end;       // one past the sequence number of the newest item
    private long floor;     // the position below and at which items may have left the ring
    private long bytes;

    /// <summary>Every item above this position and up to the newest is in the ring.</summary>
    public Position Floor => new(Volatile.Read(ref floor));

    /// <summary>Empties the ring: it now begins above the position.</summary>
    public void Restart(Position position)
    {
        while (first < end)
            DropOldest();
        Volatile.Write(ref floor, position.Value);
    }

    public void Add(T item)
    {
        bytes += item.Size;
        while (first < end && (end - first == capacity || bytes > maxBytes))
            DropOldest();
        Volatile.Write(ref slots[end % capacity], item);
        Volatile.Write(ref end, end + 1);
    }

    /// <summary>
    /// Copies up to <paramref name="limit"/> items above a position, and goes on to the end of a group that shares one position.
    /// </summary>
    /// <returns>False if some of them have left the ring; then they must be read from the store.</returns>
    public bool TryCopy(Position after, int limit, List<T> into)
    {
        into.Clear();
        if (after < Floor)
            return false;

        var stop = Volatile.Read(ref end);
        var start = FirstAbove(after, Volatile.Read(ref first), stop);
        for (var at = start; at < stop; at++)
        {
            if (Volatile.Read(ref slots[at % capacity]) is not { } item)
                return false;
            if (into.Count >= limit && into[^1].Position != item.Position)
                break;
            into.Add(item);
        }

        // The writer may have overtaken the copy: it is whole only if nothing from its beginning on has been dropped meanwhile.
        return start >= Volatile.Read(ref first) && after >= Floor;
    }

    /// <summary>The item at a position, if the ring has one; the first of several.</summary>
    public T? Find(Position position)
    {
        var stop = Volatile.Read(ref end);
        var at = FirstAbove(new Position(position.Value - 1), Volatile.Read(ref first), stop);
        return at < stop && Volatile.Read(ref slots[at % capacity]) is { } item && item.Position == position ? item : null;
    }

    private long FirstAbove(Position after, long low, long high)
    {
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            if (Volatile.Read(ref slots[middle % capacity]) is { } item && item.Position > after)
                high = middle;
            else
                low = middle + 1;
        }

        return low;
    }

    private void DropOldest()
    {
        ref var slot = ref slots[first % capacity];
        bytes -= slot!.Size;
        Volatile.Write(ref floor, slot.Position.Value);
        slot = null;
        Volatile.Write(ref first, first + 1);
    }
}

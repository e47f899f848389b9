using CsCheck;

namespace Headwater.Tests;

public sealed class RingTests
{
    /// <summary>Against a plain list: whatever is added and asked for, a copy is exactly what the list has, or refused.</summary>
    [Fact]
    public void A_copy_is_what_a_list_would_have_or_it_is_refused() => Gen.Select(
        Gen.Int[1, 8], Gen.Int[10, 60], Gen.Select(Gen.Int[0, 2], Gen.Int[1, 20]).Array[0, 30], Gen.Int[1, 5])
        .Sample((capacity, maxBytes, additions, limit) =>
    {
        var ring = new Ring<Item>(capacity, maxBytes);
        var all = new List<Item>();
        var position = 0L;
        foreach (var (step, size) in additions)
        {
            position += all.Count == 0 ? Math.Max(1, step) : step;
            all.Add(new Item(new Position(position), size));
            ring.Add(all[^1]);
            CheckAll(ring, all, position, limit);
        }

        ring.Restart(new Position(position / 2));
        var copy = new List<Item>();
        Assert.True(ring.TryCopy(new Position(position), limit, copy));
        Assert.Empty(copy);
        Assert.Equal(new Position(position / 2), ring.Floor);
    });

    [Fact]
    public void The_newest_item_stays_even_if_it_alone_is_too_large()
    {
        var ring = new Ring<Item>(4, 10);
        ring.Add(new Item(new Position(1), 5));
        ring.Add(new Item(new Position(2), 50));

        var copy = new List<Item>();
        Assert.True(ring.TryCopy(new Position(1), 10, copy));
        Assert.Equal(new Position(2), Assert.Single(copy).Position);
        Assert.False(ring.TryCopy(Position.Start, 10, copy));
    }

    [Fact]
    public void Bytes_are_given_back_when_items_leave()
    {
        var ring = new Ring<Item>(1000, 100);
        for (var at = 1; at <= 1000; at++)
            ring.Add(new Item(new Position(at), 10));

        Assert.Equal(new Position(990), ring.Floor);
    }

    /// <summary>Readers copy while the writer overtakes them again and again: a copy without a hole, or none.</summary>
    [Fact]
    public async Task A_copy_never_has_a_hole_while_the_writer_goes_on()
    {
        const int last = 60_000;
        var ring = new Ring<Item>(64, 1 << 20);
        var written = 0L;
        var writing = Task.Run(() =>
        {
            for (var at = 1L; at <= last; at++)
            {
                ring.Add(new Item(new Position(at), 1));
                Volatile.Write(ref written, at);
            }
        }, World.Cancel);

        var copied = await Task.WhenAll(Enumerable.Range(0, 3).Select(reader => Task.Run(() =>
        {
            var (good, copy) = (0, new List<Item>());
            for (var after = 0L; after < last;)
            {
                var upTo = Volatile.Read(ref written);
                if (!ring.TryCopy(new Position(after), 10 + 20 * reader, copy))
                {
                    after = Math.Max(after, upTo - 40);
                    continue;
                }

                for (var i = 0; i < copy.Count; i++)
                    Assert.Equal(after + 1 + i, copy[i].Position.Value);
                Assert.True(copy.Count > 0 || upTo <= after, $"Nothing was copied above {after}, although {upTo} had been written.");
                after += copy.Count;
                good += copy.Count;
            }

            return good;
        }, World.Cancel)));

        await writing;
        Assert.All(copied, count => Assert.True(count > 0));
    }

    /// <summary>The same, without luck: the writer goes on at any step of the reader's search for where to begin.</summary>
    [Fact]
    public void A_copy_is_whole_or_refused_wherever_the_writer_overtakes_it() => Gen.Select(
        Gen.Int[1, 6], Gen.Int[0, 8], Gen.Int[0, 8], Gen.Int[0, 4], Gen.Int[1, 14], Gen.Int[1, 8])
        .Sample((capacity, present, after, step, additions, limit) =>
    {
        var ring = new Ring<Overtaken>(capacity, long.MaxValue);
        var (all, reads, isReading) = (new List<long>(), 0, false);
        Write(present);
        isReading = true;
        var copy = new List<Overtaken>();
        var isWhole = ring.TryCopy(new Position(after), limit, copy);
        isReading = false;

        var copied = copy.Select(item => item.Position.Value).ToList();
        if (isWhole)
            Assert.Equal(all.Where(position => position > after).Take(copied.Count), copied);
        Assert.True(!isWhole || copied.Count >= Math.Min(limit, present - after), "What was there before is missing.");

        void Write(int count)
        {
            for (var i = 0; i < count; i++)
            {
                all.Add(all.Count + 1);
                ring.Add(new Overtaken(new Position(all.Count), OnRead));
            }
        }

        void OnRead()
        {
            if (!isReading || reads++ != step)
                return;
            isReading = false;
            Write(additions);
            isReading = true;
        }
    }, iter: 20_000);

    private static void CheckAll(Ring<Item> ring, List<Item> all, long position, int limit)
    {
        var copy = new List<Item>();
        for (var after = Position.Start; after.Value <= position; after = new Position(after.Value + 1))
        {
            var isWhole = ring.TryCopy(after, limit, copy);
            Assert.Equal(after >= ring.Floor, isWhole);
            if (!isWhole)
                continue;

            var wanted = all.Where(item => item.Position > after).ToList();
            var count = Math.Min(limit, wanted.Count);
            while (count > 0 && count < wanted.Count && wanted[count].Position == wanted[count - 1].Position)
                count++;
            Assert.Equal(wanted[..count], copy);
        }
    }

    internal sealed class Overtaken(Position position, Action onRead) : IPositioned
    {
        public Position Position
        {
            get
            {
                onRead();
                return position;
            }
        }

        public int Size => 1;
    }

    internal sealed record Item(Position Position, int Size) : IPositioned
    {
        // Compared by identity: two items at one position are two.
        public bool Equals(Item? other) => ReferenceEquals(this, other);

        public override int GetHashCode() => Position.GetHashCode();
    }
}

using Microsoft.Extensions.Time.Testing;

namespace Headwater.Tests;

public sealed class TimeOrderedIdsTests
{
    [Fact]
    public void Ids_are_of_version_7_grow_with_time_and_differ()
    {
        var time = new FakeTimeProvider();
        var ids = new TimeOrderedIds(time);
        var made = new List<Guid>();
        for (var i = 0; i < 1000; i++)
        {
            made.Add(ids.Next());
            time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.All(made, id => Assert.Equal((7, 8), (id.Version, id.Variant & 0xC)));
        Assert.Equal(made.Select(id => $"{id}").Order(StringComparer.Ordinal), made.Select(id => $"{id}"));
        Assert.Equal(1000, made.Distinct().Count());
        Assert.Equal(1000, made.Select(id => $"{id}"[^12..]).Distinct().Count());
        Assert.Equal($"{Guid.CreateVersion7(time.GetUtcNow())}"[..13], $"{ids.Next()}"[..13]);
    }

    [Fact]
    public void Ids_of_one_instant_differ_too()
    {
        var ids = new TimeOrderedIds(new FakeTimeProvider());

        Assert.Equal(5000, Enumerable.Range(0, 5000).Select(_ => ids.Next()).Distinct().Count());
    }
}

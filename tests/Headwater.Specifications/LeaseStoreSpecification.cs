namespace Headwater.Specifications;

/// <summary>What every <see cref="ILeaseStore"/> keeps.</summary>
public abstract class LeaseStoreSpecification(LeaseStoreUnderTest subject) : IAsyncLifetime
{
    // So long that the time a test takes does not count where the store's clock goes on by itself.
    private static readonly TimeSpan duration = TimeSpan.FromMinutes(10);

    private static readonly NodeInfo a = new("a1b2", "host-a", 11, new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private static readonly NodeInfo b = new("c3d4", "host 'b' ü🚀", 22, new DateTimeOffset(2026, 3, 1, 13, 0, 0, TimeSpan.Zero));

    private ILeaseStore? store;

    private ILeaseStore Store => store ?? throw new InvalidOperationException("The store is not open.");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => store = await subject.Open();

    public async ValueTask DisposeAsync()
    {
        await subject.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Who_comes_first_gets_all_it_wants_and_is_alive()
    {
        var table = await Renew(a, "mail", "board");

        Assert.Equal([a], table.Nodes);
        Assert.Equal([("board", a.Id, 1L), ("mail", a.Id, 1L)], Owned(table));
    }

    [Fact]
    public async Task Who_comes_second_gets_what_is_free_and_sees_the_rest()
    {
        await Renew(a, "mail", "board");

        var table = await Renew(b, "mail", "board", "bills");

        Assert.Equal([a, b], table.Nodes.OrderBy(node => node.Id, StringComparer.Ordinal));
        Assert.Equal([("bills", b.Id, 1L), ("board", a.Id, 1L), ("mail", a.Id, 1L)], Owned(table));
        Assert.Equal(Owned(table), Owned(await Renew(a, "mail", "board")));
    }

    [Fact]
    public async Task Who_renews_in_time_keeps_what_it_has_under_the_same_fence()
    {
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal([("mail", a.Id, 1L)], Owned(await Renew(a, "mail")));
            await subject.Pass(duration * 0.7);
            Assert.Equal([("mail", a.Id, 1L)], Owned(await Renew(b, "mail")));
        }
    }

    [Fact]
    public async Task What_is_not_renewed_is_taken_by_another_under_a_higher_fence_and_its_owner_counts_as_dead()
    {
        await Renew(a, "mail", "board");
        await subject.Pass(duration * 1.1);

        var table = await Renew(b, "mail");

        Assert.Equal([b], table.Nodes);
        Assert.Equal([("mail", b.Id, 2L)], Owned(table));
        table = await Renew(a, "mail", "board");
        Assert.Equal([("board", a.Id, 2L), ("mail", b.Id, 2L)], Owned(table));
        Assert.Equal(2, table.Nodes.Count);
    }

    [Fact]
    public async Task Its_owner_who_comes_too_late_gets_it_again_under_a_higher_fence()
    {
        await Renew(a, "mail");
        await subject.Pass(duration * 1.1);

        Assert.Equal([("mail", a.Id, 2L)], Owned(await Renew(a, "mail")));
    }

    [Fact]
    public async Task What_its_owner_wants_no_more_is_left_to_expire()
    {
        await Renew(a, "mail", "board");
        await subject.Pass(duration * 0.7);
        Assert.Equal([("board", a.Id, 1L), ("mail", a.Id, 1L)], Owned(await Renew(a, "mail")));
        await subject.Pass(duration * 0.7);

        Assert.Equal([("mail", a.Id, 1L)], Owned(await Renew(a, "mail")));
        Assert.Equal([("board", b.Id, 2L), ("mail", a.Id, 1L)], Owned(await Renew(b, "board")));
    }

    [Fact]
    public async Task Who_wants_nothing_is_alive_all_the_same()
    {
        var table = await Renew(a);

        Assert.Equal([a], table.Nodes);
        Assert.Empty(table.Leases);
    }

    [Fact]
    public async Task What_is_given_up_is_free_at_once_and_whoever_takes_it_gets_a_higher_fence()
    {
        await Renew(a, "mail", "board");
        await Renew(b, "bills");

        await Store.Release(a.Id, Cancel);

        Assert.Equal([("bills", b.Id, 1L), ("mail", b.Id, 2L)], Owned(await Renew(b, "bills", "mail")));
        Assert.Equal([b], (await Renew(b, "bills", "mail")).Nodes);
        Assert.Equal([("bills", b.Id, 1L), ("board", a.Id, 2L), ("mail", b.Id, 2L)], Owned(await Renew(a, "mail", "board")));
    }

    [Fact]
    public async Task Who_has_nothing_gives_up_nothing()
    {
        await Renew(a, "mail");

        await Store.Release(b.Id, Cancel);
        await Store.Release("nobody", Cancel);

        Assert.Equal([("mail", a.Id, 1L)], Owned(await Renew(b, "mail")));
    }

    [Fact]
    public async Task A_fence_never_comes_again_whatever_becomes_of_the_lease()
    {
        for (var fence = 1L; fence <= 9; fence++)
        {
            var node = fence % 2 == 0 ? a : b;
            Assert.Equal([("mail", node.Id, fence)], Owned(await Renew(node, "mail")));
            if (fence % 3 == 0)
                await Store.Release(node.Id, Cancel);
            else
                await subject.Pass(duration * 1.1);
        }
    }

    [Fact]
    public async Task Of_many_who_ask_at_once_each_lease_goes_to_one()
    {
        string[] names = ["mail", "board", "bills", "audit"];
        var stores = new List<ILeaseStore>();
        for (var i = 0; i < 8; i++)
            stores.Add(await subject.Open());

        // Each wants them in another order, so that those who lock one after the other meet.
        var tables = await Task.WhenAll(stores.Select((each, i) => Task.Run(async () => await each.Renew(
            a with { Id = $"node{i}" }, [.. names.Skip(i % 4), .. names.Take(i % 4)], duration, Cancel), Cancel)));

        var last = await Renew(a);
        Assert.Equal(9, last.Nodes.Count);
        Assert.Equal(names.Order(), last.Leases.Select(lease => lease.Name).Order());
        Assert.All(last.Leases, lease => Assert.Equal(1, lease.Fence));
        Assert.All(tables.SelectMany(table => table.Leases), lease => Assert.Contains((lease.Name, lease.Owner, lease.Fence), Owned(last)));
    }

    private ValueTask<LeaseTable> Renew(NodeInfo node, params string[] wanted) => Store.Renew(node, wanted, duration, Cancel);

    private static IEnumerable<(string Name, string Owner, long Fence)> Owned(LeaseTable table) =>
        table.Leases.Select(lease => (lease.Name, lease.Owner, lease.Fence)).OrderBy(lease => lease.Name, StringComparer.Ordinal);
}

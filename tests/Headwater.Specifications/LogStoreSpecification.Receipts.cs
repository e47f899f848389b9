namespace Headwater.Specifications;

/// <summary>Receipts: what makes a command's retry return the first answer.</summary>
public abstract partial class LogStoreSpecification
{
    [Fact]
    public async Task An_unknown_receipt_is_null()
    {
        await Happen();

        Assert.Null(await Log.FindReceipt("nobody's key", Cancel));
    }

    [Fact]
    public async Task A_receipt_is_kept_with_the_events_and_says_where_they_ended()
    {
        await Happen();
        var asked = new ReceiptRequest("key ' ü", "print", Stream("1"), 1, null);
        var appended = Assert.IsType<AppendResult.Appended>(
            await Log.Append(new AppendRequest([To(Stream("1"), Events(2)), To(Stream("2"), Events(1))]) { Receipt = asked }, Cancel));
        await Happen();

        Assert.Equal(
            new Receipt(asked.Key, "print", Stream("1"), 3, appended.Position, null), await Log.FindReceipt(asked.Key, Cancel));
    }

    [Fact]
    public async Task A_receipt_of_a_refusal_is_kept_without_events_at_the_version_it_was_given()
    {
        await Happen();
        var head = await Happen();
        var asked = new ReceiptRequest("key", "print", Stream("1"), 2, """{"code":"no"}""");

        var result = Assert.IsType<AppendResult.Appended>(await Log.Append(new AppendRequest([]) { Receipt = asked }, Cancel));

        Assert.Equal(head, result.Position);
        Assert.Empty(result.Streams);
        Assert.Equal(new Receipt("key", "print", Stream("1"), 2, head, asked.Refusal), await Log.FindReceipt("key", Cancel));
        Assert.Equal(2, (await Read()).Events.Count);
    }

    [Fact]
    public async Task A_receipt_in_an_empty_log_stands_at_the_start()
    {
        await Log.Append(new AppendRequest([]) { Receipt = new ReceiptRequest("key", "print", Stream("1"), 0, null) }, Cancel);

        Assert.Equal(new Receipt("key", "print", Stream("1"), 0, Position.Start, null), await Log.FindReceipt("key", Cancel));
    }

    [Fact]
    public async Task A_known_key_is_answered_before_anything_else_is_checked()
    {
        var events = Events(1);
        var request = new AppendRequest([new(Stream("1"), ExpectedVersion.None, events)])
        {
            Receipt = new ReceiptRequest("key", "print", Stream("1"), 0, null),
        };
        await Log.Append(request, Cancel);
        var receipt = await Log.FindReceipt("key", Cancel);

        Assert.Equal(new AppendResult.AlreadyAnswered(receipt!), await Log.Append(request, Cancel));
        Assert.Equal(new AppendResult.AlreadyAnswered(receipt!), await Log.Append(
            new AppendRequest([new(Stream("1"), ExpectedVersion.None, Events(2))]) { Receipt = request.Receipt with { Fingerprint = "other" } }, Cancel));
        Assert.Single((await Read()).Events);
    }

    [Fact]
    public async Task An_append_that_conflicts_leaves_no_receipt()
    {
        await Happen();
        var request = new AppendRequest([new(Stream("1"), ExpectedVersion.None, Events(1))])
        {
            Receipt = new ReceiptRequest("key", "print", Stream("1"), 0, null),
        };

        Assert.IsType<AppendResult.Conflict>(await Log.Append(request, Cancel));
        Assert.Null(await Log.FindReceipt("key", Cancel));
    }

    [Fact]
    public async Task One_key_from_many_tasks_at_once_appends_once_and_answers_all_the_same()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(async () => await Log.Append(
            new AppendRequest([To(Stream("1"), Event())]) { Receipt = new ReceiptRequest("key", "print", Stream("1"), 0, null) }, Cancel), Cancel)));

        var appended = Assert.Single(results.OfType<AppendResult.Appended>());
        Assert.Equal(15, results.OfType<AppendResult.AlreadyAnswered>().Count(answer => answer.Receipt.Position == appended.Position));
        Assert.Single((await Read()).Events);
    }

    [Fact]
    public async Task A_receipt_is_there_when_the_store_is_opened_again()
    {
        await Log.Append(new AppendRequest([]) { Receipt = new ReceiptRequest("key", "print", Stream("1"), 0, "{}") }, Cancel);
        await Reopen();

        Assert.Equal(new Receipt("key", "print", Stream("1"), 0, Position.Start, "{}"), await Log.FindReceipt("key", Cancel));
    }
}

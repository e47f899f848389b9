namespace Headwater.Sqlite.Tests;

public sealed class ProcessTests
{
    [Fact]
    public async Task Another_process_is_noticed_through_the_signal_and_its_events_are_read()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();
        await using var other = SecondProcess.AppendingWhenAsked(file.Path);
        await other.Append();
        await database.Signal.Wait(Words.Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Words.Cancel);

        for (var i = 0; i < 3; i++)
        {
            var signalled = database.Signal.Wait(Words.Cancel).AsTask();
            var id = await other.Append();
            await signalled.WaitAsync(TimeSpan.FromSeconds(30), Words.Cancel);
            Assert.Equal(id, (await database.ReadAll())[^1].Id);

            // What this process appends itself rings no bell.
            await database.Happen("own");
        }
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_a_kill_and_the_file_is_sound()
    {
        await using var file = new DatabaseFile();
        var acknowledged = new HashSet<Guid>();
        for (var round = 0; round < 3; round++)
        {
            await using var other = SecondProcess.Appending(file.Path);
            for (var i = 0; i < 300; i++)
                acknowledged.Add(Guid.Parse((await other.ReadLine())!));

            // The last line may be cut off by the kill; an id that was not said in full was not acknowledged.
            foreach (var line in (await other.Kill()).Split('\n'))
                if (Guid.TryParseExact(line, "D", out var id))
                    acknowledged.Add(id);
        }

        var read = await file.Open().ReadAll();

        Assert.Subset(read.Select(happened => happened.Id).ToHashSet(), acknowledged);
        Assert.True(acknowledged.Count >= 900);
        foreach (var stream in read.GroupBy(happened => happened.Stream))
            Assert.Equal(Enumerable.Range(1, stream.Count()).Select(i => (long)i), stream.Select(happened => happened.Version));
        Assert.Equal("ok", Words.Sql(file.Path, "PRAGMA integrity_check"));
    }

    [Fact]
    public async Task Two_processes_that_append_at_once_make_one_order()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();
        await database.Happen();
        await using var other = SecondProcess.Appending(file.Path);
        await other.ReadLine();

        // A reader that follows sees every event once and in order, whoever appends.
        var (log, seen, after) = (new SqliteLogStore(database), new List<Guid>(), Position.Start);
        var own = Enumerable.Range(0, 200).Select(i => database.Happen($"own-{i % 7}").AsTask()).ToList();
        while (!own.TrueForAll(append => append.IsCompleted) || seen.Count < 500)
        {
            var page = await log.Read(new(LogFilter.Everything, after, Position.Max, 50), Words.Cancel);
            seen.AddRange(page.Events.Select(happened => happened.Id));
            after = page.Next;
        }

        await Task.WhenAll(own);
        await other.Kill();
        var all = await database.ReadAll();
        Assert.Equal(all.Take(seen.Count).Select(happened => happened.Id), seen);
        Assert.Equal(Enumerable.Range(1, all.Count).Select(i => (long)i), all.Select(happened => happened.Position.Value));
    }
}

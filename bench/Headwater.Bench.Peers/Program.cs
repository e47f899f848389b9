using System.Globalization;
using Headwater.Bench;
using Headwater.Bench.Peers;

// Marten's part of the benchmarks: told a line at a time what to do, it answers each with a line. Marten itself writes to the console
// too, and that must not be taken for an answer.
var answers = Console.Out;
Console.SetOut(TextWriter.Null);
using var store = MartenStore.Open(args[0]);
while (Console.ReadLine() is { } line)
{
    int[] numbers = [.. line.Split(' ').Skip(1).Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
    answers.WriteLine(line.Split(' ')[0] switch
    {
        "version" => MartenStore.Version,
        "append" => await Done(Callers.Append(numbers[0], numbers[1], numbers[2], i => MartenStore.Append(store, i))),
        "fill" => await Done(MartenTotals.Fill(store, numbers[0])),
        "rebuild" => await Done(MartenTotals.Rebuild(store)),
        "wrong" => await MartenTotals.Wrong(store, numbers[0]),
        _ => throw new ArgumentException($"'{line}' is not a thing to be told; expected version, append, fill, rebuild or wrong."),
    });
}

static async Task<string> Done(Task work)
{
    await work;
    return "done";
}

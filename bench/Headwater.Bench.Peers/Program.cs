using System.Globalization;
using Headwater.Bench;
using Headwater.Bench.Peers;

// Marten's part of the benchmarks: told a line at a time what to do, it answers each with a line.
using var store = MartenStore.Open(args[0]);
while (Console.ReadLine() is { } line)
{
    int[] numbers = [.. line.Split(' ').Skip(1).Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
    Console.WriteLine(line.Split(' ')[0] switch
    {
        "version" => MartenStore.Version,
        "append" => await Done(Callers.Append(numbers[0], numbers[1], numbers[2], i => MartenStore.Append(store, i))),
        _ => throw new ArgumentException($"'{line}' is not a thing to be told; expected version or append."),
    });
}

static async Task<string> Done(Task work)
{
    await work;
    return "done";
}

using Headwater.Bench;

// Each benchmark is a file of its own, and measures what it names against a bar in the same run.
var benchmarks = new Dictionary<string, Func<string[], Task<bool>>>
{
    ["append"] = Append.Run,
    ["cursors"] = Cursors.Run,
    ["latency"] = Latency.Run,
    ["postgres"] = PostgresAppend.Run,
    ["postgres-rebuild"] = PostgresRebuild.Run,
    ["rebuild"] = Rebuild.Run,
    ["takeover"] = Takeover.Run,
};

// Those of them that need other processes start this program again for each.
var parts = new Dictionary<string, Func<string[], Task>>
{
    ["latency-follower"] = LatencyFollower.Run,
    ["latency-writer"] = LatencyWriter.Run,
    ["takeover-node"] = Takeover.RunNode,
};

if (args is [var partName, .. var told] && parts.TryGetValue(partName, out var part))
{
    await part(told);
    return 0;
}

if (args is not [var name, .. var rest] || !benchmarks.TryGetValue(name, out var benchmark))
{
    Console.Error.WriteLine($"Say which benchmark to run: {string.Join(", ", benchmarks.Keys)}.");
    return 2;
}

Console.WriteLine(Machine.Describe());
return await benchmark(rest) ? 0 : 1;

using System.Text;

namespace Headwater.Simulation;

/// <summary>What happened in a world: the last lines to be read by a person, and a hash of all of it.</summary>
internal sealed class Trace
{
    private const int Kept = 40;

    private readonly Queue<string> last = new();

    /// <summary>Two runs with the same hash did the same things in the same order.</summary>
    public ulong Hash { get; private set; } = 14695981039346656037;

    public int Lines { get; private set; }

    /// <summary>Every line is printed as it comes, too: for looking at one seed.</summary>
    public TextWriter? Echo { get; init; }

    public void Line(string line)
    {
        foreach (var c in line)
            Mix(c);
        Lines++;
        last.Enqueue(line);
        if (last.Count > Kept)
            last.Dequeue();
        Echo?.WriteLine(line);
    }

    /// <summary>Takes a choice into the hash that is too small to be written down.</summary>
    public void Mix(int choice) => Hash = (Hash ^ (uint)choice) * 1099511628211;

    public override string ToString() => last.Aggregate(new StringBuilder(), (text, line) => text.AppendLine(line)).ToString();
}

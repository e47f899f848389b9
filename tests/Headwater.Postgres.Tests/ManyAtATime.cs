// Most of a test is waiting for a server, so more of them go at once than there are processors.
[assembly: Xunit.v3.Parallelization(MaxThreads = 6)]

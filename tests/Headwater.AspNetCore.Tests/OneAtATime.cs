// Meters are the process's own: a test that counts deliveries must not see those of another.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

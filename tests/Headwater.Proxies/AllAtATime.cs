// The tests wait for idle limits and marks most of the time, so that all proxies can be looked at together on few processors.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4, Algorithm = Xunit.Sdk.ParallelAlgorithm.Conservative, Mode = Xunit.Sdk.ParallelMode.Collections)]

// Each test loads, stops or starves servers and measures times; two at a time would disturb each other.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

// Each test starts servers and browsers of its own and looks at their behaviour under load; two at a time would disturb each other.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

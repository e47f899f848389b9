using Headwater.Sqlite.Tests;
using Xunit.MicrosoftTestingPlatform;

return await SecondProcess.RunIfWanted()
    ? 0
    : await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);

using Headwater.Postgres.Faults;
using Xunit.MicrosoftTestingPlatform;

return await OtherProcess.RunIfWanted()
    ? 0
    : await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);

using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater;

/// <summary>
/// What UseHeadwater leaves in a context's options. EF Core makes the services of a context from it, an outbox and its interceptor
/// each, so a context has its own, also while others share its options, and resets it when a pooled context is given back.
/// </summary>
internal sealed class HeadwaterOptionsExtension(Func<Log> log) : IDbContextOptionsExtension
{
    /// <summary>Finds the log. Not asked for before it is needed: making it makes all that is declared with it.</summary>
    public Func<Log> Log => log;

    public DbContextOptionsExtensionInfo Info => new ExtensionInfo(this);

    public void ApplyServices(IServiceCollection services)
    {
        services.AddScoped<Outbox>();
        services.AddScoped<IResettableService>(provider => provider.GetRequiredService<Outbox>());
        services.AddScoped<IInterceptor, OutboxInterceptor>();
    }

    public void Validate(IDbContextOptions options)
    {
    }

    private sealed class ExtensionInfo(IDbContextOptionsExtension extension) : DbContextOptionsExtensionInfo(extension)
    {
        public override bool IsDatabaseProvider => false;

        public override string LogFragment => "using Headwater ";

        // The services are the same for every log; which one it is they read in the options.
        public override int GetServiceProviderHashCode() => 0;

        public override bool ShouldUseSameServiceProvider(DbContextOptionsExtensionInfo other) => other is ExtensionInfo;

        public override void PopulateDebugInfo(IDictionary<string, string> debugInfo) => debugInfo["Headwater:Outbox"] = "1";
    }
}

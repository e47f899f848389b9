using System.Data.Common;
using Headwater.Docs.Tests.Deciders;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Docs.Tests.Projections;

public sealed record Holder(string Owner, int Accounts);

public sealed class Holders : IProjection<Holder>
{
    public async ValueTask Apply(RecordedEvent happened, Rows<Holder> rows, CancellationToken cancel)
    {
        if (happened.Event is not AccountEvent.Opened opened)
            return;
        var holder = await rows.Get(opened.Owner, cancel) ?? new Holder(opened.Owner, 0);
        rows.Set(opened.Owner, holder with { Accounts = holder.Accounts + 1 });
    }
}

public sealed class Turnover : ISqlProjection
{
    public ValueTask Create(DbTransaction transaction, CancellationToken cancel) =>
        Run(transaction, "CREATE TABLE IF NOT EXISTS turnover (day TEXT PRIMARY KEY, amount REAL NOT NULL)", cancel);

    public ValueTask Clear(DbTransaction transaction, CancellationToken cancel) =>
        Run(transaction, "DELETE FROM turnover", cancel);

    public ValueTask Apply(RecordedEvent happened, DbTransaction transaction, CancellationToken cancel) =>
        happened.Event is AccountEvent.Deposited deposited
            ? Run(transaction, """
                INSERT INTO turnover VALUES ($day, $amount)
                ON CONFLICT (day) DO UPDATE SET amount = amount + excluded.amount
                """, cancel, ("$day", happened.RecordedAt.ToString("yyyy-MM-dd")), ("$amount", deposited.Amount))
            : ValueTask.CompletedTask;

    private static async ValueTask Run(
        DbTransaction transaction, string sql, CancellationToken cancel, params (string Name, object Value)[] parameters)
    {
        await using var command = transaction.Connection!.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }

        await command.ExecuteNonQueryAsync(cancel);
    }
}

public sealed class Mailer : ISubscriptionHandler
{
    public ValueTask Handle(RecordedEvent happened, CancellationToken cancel)
    {
        var key = $"mailer/{happened.Position}";      // the same after a crash: give it to the mail service as its idempotency key
        return Send(key, happened, cancel);
    }

    private static ValueTask Send(string key, RecordedEvent happened, CancellationToken cancel) => ValueTask.CompletedTask;
}

internal static class Setup
{
    public static void Add(IServiceCollection services)
    {
        services.AddHeadwater(headwater => headwater
            .AddProjection<Holders, Holder>("holders", holders => holders.Index("accounts"))
            .AddSqlProjection<Turnover>("turnover", turnover => turnover.Reads(new LogFilter.Category("account")).Inline())
            .AddSubscription<Mailer>("mailer", mailer => mailer.OnError(ErrorPolicy.Skip)));
    }

    public static void AddElsewhere(IServiceCollection services, string logDatabase, string reportDatabase)
    {
        services.AddHeadwater(headwater => headwater
            .UsePostgres(logDatabase)
            .AddPostgresReadModels("reports", reportDatabase)
            .AddSqliteReadModels("local", "/var/lib/bank/holders.db")
            .AddProjection<Holders, Holder>("holders", holders => holders.KeptIn("local"))
            .AddSqlProjection<Turnover>("turnover", turnover => turnover.KeptIn("reports")));
    }

    public static async Task Rebuild(Subscriptions subscriptions, CancellationToken cancel)
    {
        foreach (var status in await subscriptions.Status(cancel))
            Console.WriteLine($"{status.Name}: {status.State}, {status.LagEvents} events and {status.Lag} behind. {status.Failure}");
        await subscriptions.Rebuild("holders", cancel);
    }
}

public sealed record DepositSeen(string Account, decimal Amount);

internal static class Feeds
{
    public static void Add(HeadwaterBuilder headwater, WebApplication app)
    {
        headwater
            .AddFeed("deposits", feed => feed
                .Events("account")
                .Contract<AccountEvent.Deposited, DepositSeen>("deposit", (e, happened) => new(happened.Stream.Key, e.Amount))
                .Allow((subscriber, _) => ValueTask.FromResult(subscriber.User.IsInRole("teller") || subscriber.Key == subscriber.User.Identity?.Name)))
            .AddFeed("holders", feed => feed.Rows("holders", contract: "holder").AllowAnonymous());

        app.MapHeadwater();
        app.MapReadModel("/holders", "holders").RequireAuthorization();
        app.MapStream<Account, AccountEvent>("/accounts/{account}").MapCommand<Withdraw>("withdrawals").RequireAuthorization();
    }
}

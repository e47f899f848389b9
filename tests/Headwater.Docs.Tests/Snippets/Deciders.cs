using System.Text.Json.Serialization;
using static Headwater.Decision;

namespace Headwater.Docs.Tests.Deciders;

[JsonDerivedType(typeof(Opened), "account-opened")]
[JsonDerivedType(typeof(Deposited), "money-deposited")]
[JsonDerivedType(typeof(Withdrawn), "money-withdrawn")]
public abstract record AccountEvent
{
    public sealed record Opened(string Owner) : AccountEvent;
    public sealed record Deposited(decimal Amount) : AccountEvent;
    public sealed record Withdrawn(decimal Amount) : AccountEvent;
}

public sealed record Account(string? Owner, decimal Balance) : IState<Account, AccountEvent>
{
    public static Account Initial { get; } = new(null, 0);

    public static Account Evolve(Account account, AccountEvent happened) => happened switch
    {
        AccountEvent.Opened e => account with { Owner = e.Owner },
        AccountEvent.Deposited e => account with { Balance = account.Balance + e.Amount },
        AccountEvent.Withdrawn e => account with { Balance = account.Balance - e.Amount },
        _ => account,
    };
}

public sealed record Withdraw(decimal Amount) : ICommand<Account, AccountEvent>
{
    public Decision<AccountEvent> Decide(Account account) => (account, this) switch
    {
        (_, { Amount: <= 0 }) => Invalid("no-amount", "An amount is above zero."),                      // 422
        ({ Owner: null }, _) => Refuse("account-unknown", "Open the account first."),                   // 409
        _ when account.Balance < Amount => Refuse("no-cover", $"The balance is {account.Balance}."),    // 409
        _ => new AccountEvent.Withdrawn(Amount),
    };
}

public sealed record OpenWith(string Owner, decimal Amount) : ICommand<Account, AccountEvent>
{
    public Decision<AccountEvent> Decide(Account account) => account.Owner is null
        ? [new AccountEvent.Opened(Owner), new AccountEvent.Deposited(Amount)]      // both or none
        : [];                                                                        // nothing to do is success
}

internal sealed class Bank(Decider<Account, AccountEvent> accounts, Log log)
{
    public async Task<string> Withdraw(string account, decimal amount, CancellationToken cancel)
    {
        var result = await accounts.Execute(account, new Withdraw(amount), cancel: cancel);
        return result switch
        {
            CommandResult<Account>.Accepted accepted => $"{accepted.State.Balance} left, as of {accepted.Cursor}",
            CommandResult<Account>.Refused refused => refused.Refusal.Detail,
            _ => "Try again.",
        };
    }

    public async Task<decimal> BalanceThen(string account, DateTimeOffset then, CancellationToken cancel)
    {
        var past = await accounts.Load(account, AsOf.Instant(then), cancel);      // also AsOf.Version and AsOf.Position
        return past.State.Balance;
    }

    public async Task<bool> Transfer(string from, long fromVersion, string to, long toVersion, decimal amount, CancellationToken cancel)
    {
        var result = await log.Append(
        [
            log.Prepare(accounts.StreamOf(from), ExpectedVersion.Exactly(fromVersion), [new AccountEvent.Withdrawn(amount)]),
            log.Prepare(accounts.StreamOf(to), ExpectedVersion.Exactly(toVersion), [new AccountEvent.Deposited(amount)]),
        ], cancel);
        return result switch
        {
            AppendResult.Appended => true,
            AppendResult.Conflict conflict => throw new InvalidOperationException($"{conflict.Stream} is at {conflict.Actual} already."),
            _ => false,
        };
    }

    public async Task Follow(Position after, CancellationToken cancel)
    {
        await foreach (var page in log.Follow(new LogFilter.Category("account"), after, cancel))
        {
            foreach (var happened in page.Events)
                Console.WriteLine($"{happened.Position} {happened.Stream} {happened.Event}");
            after = page.Next;      // also when the page is empty: this far there is nothing more
        }
    }
}

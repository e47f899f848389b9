namespace Headwater;

/// <summary>The answers of commands that carried an idempotency key.</summary>
internal static class Receipts
{
    private const int TrimAtOnce = 1000;

    public static Receipt? Find(Session session, string key)
    {
        using var find = session.Use(Sql.FindReceipt);
        return find.Bind(1, key).Step()
            ? new Receipt(
                find.Text(0), find.Text(1), StreamId.Parse(find.Text(2)), find.Number(3), new Position(find.Number(4)), find.TextOrNull(5))
            : null;
    }

    public static void Keep(Session session, ReceiptRequest receipt, long version, long position, long now)
    {
        using var insert = session.Use(Sql.InsertReceipt);
        insert.Bind(1, receipt.Key).Bind(2, receipt.Fingerprint).Bind(3, receipt.Stream.ToString()).Bind(4, version).Bind(5, position)
            .Bind(6, receipt.Refusal).Bind(7, now).Run();
    }

    /// <summary>Forgets the oldest of those made before an instant, a bounded number at once.</summary>
    /// <returns>Whether there may be more.</returns>
    public static bool Trim(Session session, long before)
    {
        using var trim = session.Use(Sql.TrimReceipts);
        return trim.Bind(1, before).Bind(2, TrimAtOnce).Run() == TrimAtOnce;
    }
}

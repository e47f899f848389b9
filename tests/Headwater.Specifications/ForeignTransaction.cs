using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Headwater.Specifications;

/// <summary>A transaction of a provider that no adapter knows, on no database.</summary>
public sealed class ForeignTransaction : DbTransaction
{
    /// <inheritdoc/>
    public override System.Data.IsolationLevel IsolationLevel => System.Data.IsolationLevel.Serializable;

    /// <inheritdoc/>
    [AllowNull]
    protected override DbConnection DbConnection => null!;

    /// <inheritdoc/>
    public override void Commit()
    {
    }

    /// <inheritdoc/>
    public override void Rollback()
    {
    }
}

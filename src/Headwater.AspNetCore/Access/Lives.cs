using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Headwater.AspNetCore;

/// <summary>Begins the lives of connections: asks the rules, and leaves no gap between their yes and the watch over it.</summary>
internal sealed class Lives(Node node, FeedRevocation revocation, ILogger<Lives> logger)
{
    /// <param name="caller">Who wants to be served.</param>
    /// <param name="ask">Asks the rules, now and whenever they are asked again; throws a <see cref="ProblemException"/> if they say no.</param>
    /// <param name="isPublic">Whether everybody may follow all of it, so that there is nothing to ask again.</param>
    /// <param name="cancel">Gives up.</param>
    public async ValueTask<ConnectionLife> Begin(Caller caller, Func<CancellationToken, ValueTask> ask, Func<bool> isPublic, CancellationToken cancel)
    {
        var revoked = revocation.Count;
        await ask(cancel);
        if (caller.ExpiresAt is { } expired && expired <= node.Time.GetUtcNow())
            throw new ProblemException(new Problem(
                StatusCodes.Status401Unauthorized, "unauthorized", "Not signed in", $"The sign-in has expired, at {expired:O}. Sign in again."));

        var life = new ConnectionLife(node, revocation, caller, isPublic() ? null : ask, logger);
        try
        {
            // Who was revoked while the rules were asked was not watched yet.
            if (revocation.Count != revoked)
                await ask(cancel);
            return life;
        }
        catch
        {
            life.Dispose();
            throw;
        }
    }
}

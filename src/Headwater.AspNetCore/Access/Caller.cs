using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;

namespace Headwater.AspNetCore;

/// <summary>Who is at the other end of a request: as whom they signed in, and until when that holds.</summary>
internal sealed class Caller
{
    private readonly HttpContext context;

    private Caller(HttpContext context)
    {
        this.context = context;
        User = context.User;
        ExpiresAt = context.Features.Get<IAuthenticateResultFeature>()?.AuthenticateResult?.Properties?.ExpiresUtc ?? ExpiryIn(User);
    }

    /// <summary>The user with all identities that are known so far.</summary>
    public ClaimsPrincipal User { get; private set; }

    /// <summary>When the first of the sign-ins it rests on expires, or null if none says so.</summary>
    public DateTimeOffset? ExpiresAt { get; private set; }

    /// <summary>
    /// What is the same in all requests of one user, or null if nobody is signed in. The issuer is part of it, because two of them may
    /// use the same ids.
    /// </summary>
    public string? Identity
    {
        get
        {
            if (User.Identities.FirstOrDefault(identity => identity.IsAuthenticated) is not { } signedIn)
                return null;
            var claim = signedIn.FindFirst(ClaimTypes.NameIdentifier) ?? signedIn.FindFirst("sub") ?? signedIn.FindFirst(signedIn.NameClaimType);
            return claim is null ? null : $"{claim.Issuer} {claim.Value}";
        }
    }

    /// <summary>Where the connection comes from, or null if it comes over no network. Who has one IPv6 address has 2^64 of them.</summary>
    public string? Address
    {
        get
        {
            if (context.Connection.RemoteIpAddress is not { } address)
                return null;
            if (address.IsIPv4MappedToIPv6)
                address = address.MapToIPv4();
            return address.AddressFamily is AddressFamily.InterNetworkV6
                ? $"{new IPAddress([.. address.GetAddressBytes()[..8], 0, 0, 0, 0, 0, 0, 0, 0])}/64"
                : address.ToString();
        }
    }

    /// <summary>The caller of a request; the same one whenever it is asked for.</summary>
    public static Caller Of(HttpContext context)
    {
        if (context.Features.Get<Caller>() is not { } caller)
            context.Features.Set(caller = new Caller(context));
        return caller;
    }

    /// <summary>The user as certain schemes know them; what they rest on then counts for the caller too.</summary>
    public async ValueTask<ClaimsPrincipal> AuthenticatedBy(IEnumerable<string> schemes)
    {
        var identities = new List<ClaimsIdentity>();
        foreach (var scheme in schemes)
        {
            if (await context.AuthenticateAsync(scheme) is not { Succeeded: true } result)
                continue;
            identities.AddRange(result.Principal.Identities);
            if ((result.Properties?.ExpiresUtc ?? ExpiryIn(result.Principal)) is { } expires && !(expires > ExpiresAt))
                ExpiresAt = expires;
        }

        if (identities.Exists(identity => !User.Identities.Contains(identity)))
            User = new ClaimsPrincipal(User.Identities.Where(identity => identity.IsAuthenticated).Union(identities));
        return new ClaimsPrincipal(identities.Count > 0 ? identities : [new ClaimsIdentity()]);
    }

    /// <summary>What a token says of itself (RFC 7519, 4.1.4), where the handler that read it has kept no expiry.</summary>
    private static DateTimeOffset? ExpiryIn(ClaimsPrincipal user) => user.FindAll("exp")
        .Select(claim => long.TryParse(claim.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds() ? DateTimeOffset.FromUnixTimeSeconds(seconds) : (DateTimeOffset?)null)
        .Min();
}

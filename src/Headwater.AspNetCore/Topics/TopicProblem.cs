using Microsoft.AspNetCore.Http;

namespace Headwater.AspNetCore;

/// <summary>What a client is told when a topic refuses something.</summary>
internal static class TopicProblem
{
    public static Problem Of(TopicRefusedException refused, HttpContext context)
    {
        switch (refused.Refusal)
        {
            case TopicRefusal.UnknownTopic:
                return Problem.NotFound("There is no such topic.");
            case TopicRefusal.BadKey:
                return Problem.BadParameter("key", refused.Message);
            case TopicRefusal.BadName:
                return Problem.BadParameter(TopicEndpoint.EventParameter, refused.Message);
            case TopicRefusal.NotJson:
                return new Problem(StatusCodes.Status400BadRequest, "malformed-message", "The message cannot be read", refused.Message);
            case TopicRefusal.TooLarge:
                return TooLarge(refused.Message);
            case TopicRefusal.NotYours:
                return new Problem(StatusCodes.Status409Conflict, "member-taken", "The member is somebody else's", refused.Message);
            default:
                context.Response.Headers.RetryAfter = "5";
                return Problem.Unavailable(refused.Message);
        }
    }

    public static Problem TooLarge(string detail) => new(StatusCodes.Status413PayloadTooLarge, "too-large", "The body is too large", detail);
}

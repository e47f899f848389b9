using System.Data.Common;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Headwater.AspNetCore;

/// <summary>Turns what an endpoint throws into the problem a client can act on.</summary>
internal static partial class Guard
{
    public static async Task Run(HttpContext context, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has gone; there is nobody to answer.
        }
        catch (ProblemException e)
        {
            await e.Problem.Write(context);
        }
        catch (TopicRefusedException e) when (!context.Response.HasStarted)
        {
            await TopicProblem.Of(e, context).Write(context);
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            await new Problem(e.StatusCode, "bad-request", "The request is malformed", "The body does not arrive as HTTP demands.").Write(context);
        }
        catch (UnreadableEventException e) when (!context.Response.HasStarted)
        {
            LogUnreadable(Logger(context), e, context.Request.Method, context.Request.Path);
            await Problem.Unreadable(e).Write(context);
        }
        catch (DbException e) when (!context.Response.HasStarted)
        {
            // What the database says is for the operator: it names files and servers.
            LogStoreFailed(Logger(context), e, context.Request.Method, context.Request.Path);
            context.Response.Headers.RetryAfter = "1";
            await Problem.Unavailable(
                "The store cannot be used just now. Try again; with the same Idempotency-Key a command happens once, however often it is sent.").Write(context);
        }
    }

    private static ILogger Logger(HttpContext context) => context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Guard));

    [LoggerMessage(70, LogLevel.Error, "{Method} {Path} could not be answered, because the store failed.")]
    private static partial void LogStoreFailed(ILogger logger, Exception e, string method, string path);

    [LoggerMessage(71, LogLevel.Error, "{Method} {Path} could not be answered, because an event is unreadable.")]
    private static partial void LogUnreadable(ILogger logger, Exception e, string method, string path);
}

using System.Buffers;
using System.Net.WebSockets;
using System.Text.Json;

namespace Headwater.AspNetCore;

/// <summary>Writes messages, one after the other, and lets a client go that does not take them.</summary>
internal sealed class SocketOutput : IDisposable
{
    private static readonly JsonWriterOptions options = new() { SkipValidation = true };

    private readonly WebSocket socket;
    private readonly TimeSpan writeTimeout;
    private readonly CancellationTokenSource deadline;
    private readonly FeedConnection client;
    private readonly CancellationTokenRegistration hurry;
    private readonly ArrayBufferWriter<byte> message = new();
    private Utf8JsonWriter? json;

    /// <param name="socket">The way to the client.</param>
    /// <param name="writeTimeout">How long the client may leave its bytes untaken.</param>
    /// <param name="client">Counts what goes out. When its life is over it has little time left.</param>
    /// <param name="aborted">Cancelled when the client has gone.</param>
    public SocketOutput(WebSocket socket, TimeSpan writeTimeout, FeedConnection client, CancellationToken aborted)
    {
        this.socket = socket;
        this.writeTimeout = writeTimeout;
        deadline = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        hurry = client.Life.Over.Register(() => deadline.CancelAfter(ConnectionLife.LastWords));
        this.client = client;
    }

    /// <summary>Writes the parameters of the notification begun last.</summary>
    public Utf8JsonWriter Json => json!;

    /// <summary>Whether the client did not take something at once since this was last set to false.</summary>
    public bool HasWaitedForClient { get; set; }

    /// <summary>Begins a notification; its parameters are to be written, and then <see cref="Send()"/> called.</summary>
    public Utf8JsonWriter Begin(string method)
    {
        message.ResetWrittenCount();
        if (json is null)
            json = new Utf8JsonWriter(message, options);
        else
            json.Reset(message);
        json.WriteStartObject();
        json.WriteString("jsonrpc", "2.0");
        json.WriteString("method", method);
        json.WriteStartObject("params");
        return json;
    }

    /// <summary>Sends the notification begun last.</summary>
    public ValueTask Send()
    {
        json!.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return Send(message.WrittenMemory);
    }

    /// <exception cref="OperationCanceledException">The client has gone, or did not read for too long.</exception>
    public async ValueTask Send(ReadOnlyMemory<byte> whole)
    {
        client.Wrote(whole.Length);
        var sending = socket.SendAsync(whole, WebSocketMessageType.Text, endOfMessage: true, deadline.Token);
        if (sending.IsCompletedSuccessfully)
            return;
        HasWaitedForClient = true;
        deadline.CancelAfter(client.Life.End is null ? writeTimeout : ConnectionLife.LastWords);
        await sending;
        deadline.CancelAfter(Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        hurry.Dispose();
        json?.Dispose();
        deadline.Dispose();
    }
}

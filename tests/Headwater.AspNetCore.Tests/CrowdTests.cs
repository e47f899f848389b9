using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using static Headwater.AspNetCore.Tests.Words;

namespace Headwater.AspNetCore.Tests;

/// <summary>Those who follow the same are written to together, and each gets all of it once and in order, however it reads.</summary>
public sealed class CrowdTests
{
    private const int Events = 600;

    // So much that a client which does not read for a while cannot be sent all of it.
    private static readonly string item = new('x', 16_000);

    public static TheoryData<string> Ways => ["socket", "body"];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Whoever_stops_reading_for_a_while_leaves_the_crowd_and_misses_and_doubles_nothing(string way)
    {
        await using var app = await Start(way);
        using var together = new CountdownEvent(12);
        var clients = Enumerable.Range(0, 12).Select(number => Read(app, together, pauses: number % 3 != 0)).ToList();
        await Append(app, 0);
        await Until(() => together.IsSet);
        for (var i = 1; i < Events; i++)
            await Append(app, i);

        foreach (var numbers in await Task.WhenAll(clients))
            Assert.Equal(Enumerable.Range(0, Events), numbers);
    }

    /// <summary>What stands between the response and the socket must see every byte.</summary>
    [Fact]
    public async Task The_socket_is_left_alone_where_something_wraps_the_response()
    {
        var seen = new SeenBody();
        await using var app = await OrdersApp.Start(use: app => app.Use(async (context, next) =>
        {
            seen.Under = context.Features.Get<IHttpResponseBodyFeature>()!.Stream;
            context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(seen, context.Features.Get<IHttpResponseBodyFeature>()!));
            await next();
        }));
        using var feed = await app.Follow("/feeds/order-events");
        await feed.Next();
        for (var i = 0; i < 20; i++)
        {
            await Append(app, i);
            Assert.Contains($"\"count\":{i}", (await feed.NextEvent()).Data, StringComparison.Ordinal);
        }

        Assert.Equal(20, seen.Text.Split("event: item-added").Length - 1);
    }

    [Fact]
    public async Task A_client_that_goes_is_forgotten_and_the_others_go_on()
    {
        await using var app = await OrdersApp.Start();
        using var stays = await app.Follow("/feeds/order-events");
        for (var i = 0; i < 20; i++)
        {
            using (var goes = await app.Follow("/feeds/order-events"))
                await goes.Next();
            await Append(app, i);
            Assert.Contains($"\"count\":{i}", (await stays.NextEvent()).Data, StringComparison.Ordinal);
        }
    }

    /// <summary>At a heartbeat everybody leaves; there is none while the test runs.</summary>
    private static Task<OrdersApp> Start(string way) => OrdersApp.Start(
        headwater => headwater.Configure(options => options.Heartbeat = TimeSpan.FromMinutes(1)),
        services: services => services.Configure<SocketTransportOptions>(options => options.MaxWriteBufferSize = way == "socket" ? options.MaxWriteBufferSize : 100_000));

    private static async Task Append(OrdersApp app, int number) =>
        await app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, [new OrderEvent.ItemAdded(item, number)]);

    /// <summary>Reads all events, but one time nothing until more has happened than the system's buffers hold.</summary>
    private static async Task<List<int>> Read(OrdersApp app, CountdownEvent together, bool pauses)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 8 << 10 };
        await socket.ConnectAsync(app.Client.BaseAddress!.Host, app.Client.BaseAddress.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET /feeds/order-events?after=start HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        using var reader = new StreamReader(new ChunkedStream(new NetworkStream(socket)));
        var numbers = new List<int>();
        while (numbers.Count < Events)
        {
            using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            var line = await reader.ReadLineAsync(timeUp.Token) ?? throw new EndOfStreamException();
            if (!line.StartsWith("data: ", StringComparison.Ordinal) || line.IndexOf("\"count\":", StringComparison.Ordinal) is not (> 0 and var at))
                continue;
            numbers.Add(int.Parse(line.AsSpan(at + 8).TrimEnd('}'), System.Globalization.CultureInfo.InvariantCulture));
            if (numbers.Count > 1)
                continue;
            together.Signal();
            if (pauses)
                await Happened(app, Events - 100);
        }

        return numbers;
    }

    private static async Task Happened(OrdersApp app, int events)
    {
        while (true)
        {
            var more = app.Node.Tail.Advanced;
            if (app.Node.Tail.Position.Value >= events)
                return;
            await more.WaitAsync(TimeSpan.FromSeconds(20));
        }
    }

    /// <summary>Undoes the chunks of HTTP/1.1 strictly: what is no chunk is an error.</summary>
    private sealed class ChunkedStream(Stream inner) : Stream
    {
        private readonly BufferedStream bytes = new(inner, 16 << 10);
        private int left = -1;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (left < 0)
            {
                while (await Line(cancellationToken) is { Length: > 0 })
                {
                    // A header.
                }

                left = 0;
            }

            if (left == 0)
            {
                left = int.Parse(await Line(cancellationToken), System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
                if (left == 0)
                    return 0;
            }

            var read = await bytes.ReadAsync(buffer[..Math.Min(buffer.Length, left)], cancellationToken);
            left -= read;
            if (left == 0 && await Line(cancellationToken) is { Length: > 0 } rubbish)
                throw new FormatException($"A chunk ends with '{rubbish}'.");
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        private async ValueTask<string> Line(CancellationToken cancel)
        {
            var line = new StringBuilder();
            var one = new byte[1];
            while (await bytes.ReadAsync(one, cancel) == 1 && one[0] != '\n')
                line.Append((char)one[0]);
            return line.ToString().TrimEnd('\r');
        }
    }

    /// <summary>A response body that notes what goes through it.</summary>
    private sealed class SeenBody : Stream
    {
        private readonly MemoryStream seen = new();

        public Stream? Under { get; set; }

        public string Text => Encoding.UTF8.GetString(seen.ToArray());

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            seen.Write(buffer.Span);
            await Under!.WriteAsync(buffer, cancellationToken);
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Under!.FlushAsync(cancellationToken);

        public override void Flush() => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

namespace Headwater;

/// <summary>
/// The port by which nodes tell each other what is published to topics. It is optional; without it each node has topics of its own. What
/// it carries may be lost, as long as it says so.
/// </summary>
public interface ITopicBroker
{
    /// <summary>Says where what comes goes. Called once, before anything else.</summary>
    /// <param name="received">Takes what came on a channel; it returns at once, and may be called from several threads.</param>
    /// <param name="interrupted">To be called when the connection is there again after it was lost, because something may have been missed.</param>
    void Attach(Action<string, ReadOnlyMemory<byte>> received, Action interrupted);

    /// <summary>Publishes to all nodes that listen to a channel, this one perhaps included.</summary>
    /// <param name="channel">Lower-case letters and digits.</param>
    /// <param name="message">What to carry, unchanged.</param>
    /// <param name="cancel">Gives up; it may have been published all the same.</param>
    ValueTask Publish(string channel, ReadOnlyMemory<byte> message, CancellationToken cancel);

    /// <summary>Listens to a channel, from when this completes until <see cref="StopListening"/>, over any number of lost connections.</summary>
    /// <param name="channel">Lower-case letters and digits.</param>
    /// <param name="cancel">Gives up.</param>
    ValueTask Listen(string channel, CancellationToken cancel);

    /// <summary>Listens to a channel no longer.</summary>
    /// <param name="channel">Lower-case letters and digits.</param>
    /// <param name="cancel">Gives up.</param>
    ValueTask StopListening(string channel, CancellationToken cancel);
}

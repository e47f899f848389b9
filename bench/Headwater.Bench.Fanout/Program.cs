using Headwater.Bench.Fanout;

// fanout                    both numbers of connections, all contenders
// fanout serve NAME PORT    one of the contenders that are .NET, which the benchmark starts
return args switch
{
    ["serve", var name, var port] => await Server.Run(name, port),
    _ => await Fanout.Run(args),
};

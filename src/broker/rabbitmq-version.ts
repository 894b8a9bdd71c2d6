/** The RabbitMQ that this broker follows. Clients and tools decide by it what they may ask. */
export const rabbitmqVersion = '4.3.0';

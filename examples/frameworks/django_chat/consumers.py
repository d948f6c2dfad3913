"""The chat's consumer."""

from channels.generic.websocket import AsyncWebsocketConsumer


class Chat(AsyncWebsocketConsumer):
    """All visitors receive what one of them says."""

    present: set[str] = set()

    async def connect(self) -> None:
        """Accept a visitor whose name is free."""
        self.name = self.scope["url_route"]["kwargs"]["name"]
        if self.name in self.present:
            self.name = None
            await self.close()  # before accept: the client is refused with status 403
            return
        self.present.add(self.name)
        await self.channel_layer.group_add("chat", self.channel_name)
        await self.accept()
        await self.send(f"welcome, {self.name}")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pass on what a visitor says."""
        message = {"type": "said", "text": f"{self.name}: {text_data}"}
        await self.channel_layer.group_send("chat", message)

    async def said(self, event: dict[str, str]) -> None:
        """Send a visitor what another one says."""
        await self.send(event["text"])

    async def disconnect(self, code: int) -> None:
        """Remove a visitor."""
        self.present.discard(self.name)
        await self.channel_layer.group_discard("chat", self.channel_name)
